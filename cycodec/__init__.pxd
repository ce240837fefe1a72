"""Makes the package cimportable: `from cycodec.core.reader cimport FrameReader`."""
