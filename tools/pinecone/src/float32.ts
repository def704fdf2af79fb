/**
 * The number that stands for a 32-bit float in an answer. The vendor's answers are JSON made from protocol buffers,
 * which writes such a float with 6 digits when these read back as the same float, else with 9: 0.1 and not
 * 0.10000000149011612.
 */
export function float32Json(value: number): number {
  const short = Number(value.toPrecision(6));
  return Math.fround(short) === value ? short : Number(value.toPrecision(9));
}

/** The numbers that stand for a vector in an answer. */
export function float32List(values: Float32Array): number[] {
  return Array.from(values, float32Json);
}
