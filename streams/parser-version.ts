/**
 * Number of the parser: of all that makes an observation of received bytes (section b of journaling). It goes up with each
 * change by which some message would be told of otherwise; what an older one made can be repaired then (D-082).
 */
export const parserVersion = 3;
