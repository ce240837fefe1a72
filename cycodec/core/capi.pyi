"""Functions for Cython only: see capi.pxd."""
