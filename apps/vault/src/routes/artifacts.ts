import { Type } from 'typebox';
import { writeConditionally } from '../conditions.ts';
import { answers, sendNothing, sendPage, sendRead, sendWritten, type VaultServer, type VaultStores } from '../face.ts';
import { notFound } from '../problems.ts';
import { Artifact, Conditions, IdPath, NewArtifact, PageBySession } from '../schemas.ts';
import { artifactText } from '../wire.ts';

const tags = ['artifacts'];

export function artifactRoutes(app: VaultServer, { artifacts }: Pick<VaultStores, 'artifacts'>): void {
  app.post(
    '/storage/artifacts',
    { schema: { tags, summary: 'Create an artifact', body: NewArtifact, response: answers(201, Artifact) } },
    async (request, reply) => {
      const { session_id, ...rest } = request.body;
      const artifact = await artifacts.create({ conversationId: session_id, ...rest });
      reply.header('location', `/storage/artifacts/${encodeURIComponent(artifact.id)}`);
      return sendWritten(reply, 201, artifact.etag, artifactText(artifact));
    },
  );

  app.get(
    '/storage/artifacts',
    {
      schema: {
        tags,
        summary: 'List the artifacts of a session, newest first',
        querystring: PageBySession,
        response: answers(200, Type.Array(Artifact)),
      },
    },
    async (request, reply) => {
      const { session_id, limit, cursor } = request.query;
      return sendPage(request, reply, await artifacts.list(session_id, { limit, cursor }), artifactText);
    },
  );

  app.get(
    '/storage/artifacts/:id',
    {
      schema: {
        tags,
        summary: 'Get an artifact',
        params: IdPath,
        headers: Conditions,
        response: answers(200, Artifact),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const artifact = await artifacts.get(id);
      if (artifact === undefined) throw notFound('artifact', id);
      return sendRead(request, reply, artifact.etag, artifactText(artifact));
    },
  );

  app.delete(
    '/storage/artifacts/:id',
    {
      schema: {
        tags,
        summary: 'Delete an artifact',
        params: IdPath,
        headers: Conditions,
        response: answers(204, undefined),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const deleted = await writeConditionally({
        headers: request.headers,
        readEtag: async () => (await artifacts.get(id))?.etag,
        creates: false,
        write: (condition) => artifacts.delete(id, condition),
      });
      if (!deleted) throw notFound('artifact', id);
      return sendNothing(reply, 204);
    },
  );
}
