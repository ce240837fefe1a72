/* To be included first: a product and the sum it goes into are rounded one after the other, whatever the processor can do
 * at once, so that floats have the same bits everywhere. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#endif
