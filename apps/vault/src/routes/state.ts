import { writeConditionally } from '../conditions.ts';
import {
  answers,
  assertSameKey,
  sendNothing,
  sendRead,
  sendWritten,
  type VaultServer,
  type VaultStores,
} from '../face.ts';
import { notFound } from '../problems.ts';
import { Conditions, NewState, SessionPath, State } from '../schemas.ts';
import { stateText } from '../wire.ts';

const tags = ['state'];

export function stateRoutes(app: VaultServer, { state: states }: Pick<VaultStores, 'state'>): void {
  app.get(
    '/storage/state/:session_id',
    {
      schema: {
        tags,
        summary: "Get an agent's state",
        params: SessionPath,
        headers: Conditions,
        response: answers(200, State),
      },
    },
    async (request, reply) => {
      const { session_id } = request.params;
      const state = await states.get(session_id);
      if (state === undefined) throw notFound('state of session', session_id);
      return sendRead(request, reply, state.etag, stateText(state));
    },
  );

  app.put(
    '/storage/state/:session_id',
    {
      schema: {
        tags,
        summary: "Replace an agent's state",
        params: SessionPath,
        headers: Conditions,
        body: NewState,
        response: answers(200, State),
      },
    },
    async (request, reply) => {
      const { session_id } = request.params;
      assertSameKey('session_id', request.body.session_id, session_id);
      const data = request.body.data as object;
      const state = await writeConditionally({
        headers: request.headers,
        readEtag: async () => (await states.get(session_id))?.etag,
        creates: true,
        write: (condition) => states.put(session_id, data, condition),
      });
      return sendWritten(reply, 200, state.etag, stateText(state));
    },
  );

  app.delete(
    '/storage/state/:session_id',
    {
      schema: {
        tags,
        summary: "Delete an agent's state",
        params: SessionPath,
        headers: Conditions,
        response: answers(204, undefined),
      },
    },
    async (request, reply) => {
      const { session_id } = request.params;
      const deleted = await writeConditionally({
        headers: request.headers,
        readEtag: async () => (await states.get(session_id))?.etag,
        creates: false,
        write: (condition) => states.delete(session_id, condition),
      });
      if (!deleted) throw notFound('state of session', session_id);
      return sendNothing(reply, 204);
    },
  );
}
