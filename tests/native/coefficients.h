/* The coefficients crv, cbu, cgu and cgv of BT.709, BT.601, FCC, SMPTE 240M and BT.2020, as
 * sws_getCoefficients returns them. */
static const int coefficients[5][4] = {{117489, 138438, 13975, 34925},
                                       {104597, 132201, 25675, 53279},
                                       {104448, 132798, 24759, 53109},
                                       {117579, 136230, 16907, 35559},
                                       {110013, 140363, 12277, 42626}};
