import { test } from '@jest/globals';

/** The test of one code block of the storage guide: its heading, and what the guide's providers are told on here. */
export function seedTest(block: string, told: string, body: () => Promise<void>): void {
  test(`${block} (told on ${told})`, body);
}

/** What arrives at an agent of the guide. */
export interface Spore {
  readonly knowledge: { readonly [name: string]: string };
}
export const spore: Spore = { knowledge: { input: 'raw' } };

/** The guide's stand-in for work. */
export function processData(input: string | undefined): { readonly processed: string } {
  return { processed: input?.toUpperCase() ?? '' };
}
