/** The version of the API that is followed. */
export const apiVersion: string = '2026-04';
