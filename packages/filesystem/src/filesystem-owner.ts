import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { randomToken } from '@storage/core';
import { codeOf } from './filesystem-errors.ts';

/** What a system tells of itself, where it does. */
function told(read: () => string): string {
  try {
    return read();
  } catch (error) {
    return codeOf(error);
  }
}

let machine: string | undefined;

/** The same for two processes if and only if each can see whether the other runs: same machine, same boot, same space of process ids. */
function thisMachine(): string {
  machine ??= createHash('sha256')
    .update(hostname())
    .update(told(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')))
    .update(told(() => readlinkSync('/proc/self/ns/pid')))
    .digest('hex')
    .slice(0, 12);
  return machine;
}

/** The name of one backend in one process, as it stands in locks and in the names of temporary files. */
export function newOwner(): string {
  return `${thisMachine()}-${process.pid}-${randomToken()
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(0, 8)}`;
}

const ownerPattern = /^([0-9a-f]{12})-(\d+)-[A-Za-z0-9]{1,8}$/;

/** Whether an owner's process has ended. `undefined`: that can't be seen from here. */
export function hasEnded(owner: string): boolean | undefined {
  const [, where, pid] = ownerPattern.exec(owner) ?? [];
  if (where !== thisMachine()) return undefined;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
}
