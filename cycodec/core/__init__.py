from cycodec.core import libraries

# must come before the first compiled module loads
libraries.choose()
