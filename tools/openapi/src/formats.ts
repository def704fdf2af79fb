import type { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

const largestFloat32 = 3.4028235677973366e38;

/** The formats of the documents, those of Rust's numbers included. */
export function addFormats(ajv: Ajv2020): void {
  formats.default(ajv);
  const whole = (least: number, most: number) => ({
    type: 'number' as const,
    validate: (value: number) => Number.isInteger(value) && value >= least && value <= most,
  });
  ajv.addFormat('uint', whole(0, 2 ** 64));
  ajv.addFormat('uint8', whole(0, 2 ** 8 - 1));
  ajv.addFormat('uint32', whole(0, 2 ** 32 - 1));
  ajv.addFormat('uint64', whole(0, 2 ** 64));
  ajv.addFormat('float', { type: 'number', validate: (value) => Math.abs(value) < largestFloat32 });
  // A moment whose parts may be missing, from the day on; RFC 3339's is one of them.
  ajv.addFormat('partial-date-time', /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/);
}
