/** The vendors whose requests are checked. */
export type Vendor = 'qdrant' | 'chroma' | 'pinecone-control' | 'pinecone-data';
