"""The C API for other Cython extensions: ``from cycodec cimport ...`` offers all of it."""
