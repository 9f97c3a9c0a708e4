/** A complex number; roots are in 1/h, their imaginary parts in radians per hour. */
export type Complex = { readonly re: number; readonly im: number };
