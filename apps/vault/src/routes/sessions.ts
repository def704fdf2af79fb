import { Type } from 'typebox';
import { writeConditionally } from '../conditions.ts';
import {
  answers,
  assertSameKey,
  sendNothing,
  sendPage,
  sendRead,
  sendWritten,
  type VaultServer,
  type VaultStores,
} from '../face.ts';
import { notFound } from '../problems.ts';
import { Conditions, IdPath, NewSession, Session, SessionChange, SessionQuery } from '../schemas.ts';
import { sessionText } from '../wire.ts';

const tags = ['sessions'];

export function sessionRoutes(app: VaultServer, { conversations }: Pick<VaultStores, 'conversations'>): void {
  app.post(
    '/storage/sessions',
    { schema: { tags, summary: 'Create a session', body: NewSession, response: answers(201, Session) } },
    async (request, reply) => {
      const { id, agent_name, user_id, status, metadata } = request.body;
      const session = await conversations.create({
        id,
        agentName: agent_name,
        userId: user_id ?? undefined,
        status,
        metadata,
      });
      reply.header('location', `/storage/sessions/${encodeURIComponent(session.id)}`);
      return sendWritten(reply, 201, session.etag, sessionText(session));
    },
  );

  app.get(
    '/storage/sessions',
    {
      schema: {
        tags,
        summary: 'List sessions, newest first',
        querystring: SessionQuery,
        response: answers(200, Type.Array(Session)),
      },
    },
    async (request, reply) => {
      const { agent_name, user_id, status, limit, cursor } = request.query;
      const page = await conversations.list({ agentName: agent_name, userId: user_id, status, limit, cursor });
      return sendPage(request, reply, page, sessionText);
    },
  );

  app.get(
    '/storage/sessions/:id',
    {
      schema: { tags, summary: 'Get a session', params: IdPath, headers: Conditions, response: answers(200, Session) },
    },
    async (request, reply) => {
      const { id } = request.params;
      const session = await conversations.get(id);
      if (session === undefined) throw notFound('session', id);
      return sendRead(request, reply, session.etag, sessionText(session));
    },
  );

  app.put(
    '/storage/sessions/:id',
    {
      schema: {
        tags,
        summary: 'Change a session; what is left out stays as it is',
        params: IdPath,
        headers: Conditions,
        body: SessionChange,
        response: answers(200, Session),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { agent_name, user_id, status, metadata } = request.body;
      assertSameKey('id', request.body.id, id);
      const session = await writeConditionally({
        headers: request.headers,
        readEtag: async () => (await conversations.get(id))?.etag,
        creates: false,
        write: (condition) =>
          conversations.update(id, { agentName: agent_name, userId: user_id, status, metadata }, condition),
      });
      if (session === undefined) throw notFound('session', id);
      return sendWritten(reply, 200, session.etag, sessionText(session));
    },
  );

  app.delete(
    '/storage/sessions/:id',
    {
      schema: {
        tags,
        summary: 'Delete a session with its history, state, artifacts and metrics',
        params: IdPath,
        headers: Conditions,
        response: answers(204, undefined),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const deleted = await writeConditionally({
        headers: request.headers,
        readEtag: async () => (await conversations.get(id))?.etag,
        creates: false,
        write: (condition) => conversations.delete(id, condition),
      });
      if (!deleted) throw notFound('session', id);
      return sendNothing(reply, 204);
    },
  );
}
