export { chunkBytes, evenChunks, slices, stagingMs, streamGraceMs } from '@storage/backend-kit';
