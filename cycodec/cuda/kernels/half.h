/* IEEE half precision, in plain C, which both the C compiler and NVRTC read. */
#ifndef CYCODEC_CUDA_HALF_H
#define CYCODEC_CUDA_HALF_H

#ifdef __CUDACC_RTC__
#define HALF_FUNCTION __device__ static
#else
#define HALF_FUNCTION static inline
#endif

/* Return the bits of a value in [0, 1], rounded to nearest, ties to even. */
HALF_FUNCTION unsigned short to_half(float value) {
    union {
        float f;
        unsigned u;
    } bits;
    unsigned mantissa, rest, half;
    int exponent;
    bits.f = value;
    exponent = (int)(bits.u >> 23) - 127;
    mantissa = (bits.u & 0x7fffffu) | 0x800000u;
    if (exponent < -25)
        return 0;
    if (exponent < -14) { /* subnormal */
        int shift = -1 - exponent;
        half = mantissa >> shift;
        rest = mantissa & ((1u << shift) - 1);
        return (unsigned short)(half + (rest > (1u << (shift - 1)) || (rest == (1u << (shift - 1)) && (half & 1))));
    }
    half = ((unsigned)(exponent + 15) << 10) | ((mantissa & 0x7fffffu) >> 13);
    rest = mantissa & 0x1fffu;
    return (unsigned short)(half + (rest > 0x1000u || (rest == 0x1000u && (half & 1))));
}

#endif
