/* Include this first. The compiler then rounds a product before it adds it, even if the processor
 * can fuse both, so that floats have the same bits everywhere. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#endif
