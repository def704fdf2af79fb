import type { Mutant } from '../mutant.ts';
import { memoryMutants } from './memory.ts';
import { sqliteMutants } from './sqlite.ts';

/** Every broken backend. */
export const mutants: readonly Mutant[] = [...memoryMutants, ...sqliteMutants];
