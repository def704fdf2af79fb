/** The status codes of gRPC that the data plane puts in the `code` of its refusals, and the HTTP status of each. */
const httpStatus = {
  3: 400,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  11: 400,
  12: 501,
  13: 500,
  14: 503,
  16: 401,
} as const;

export type RpcCode = keyof typeof httpStatus;

/** A refusal, with the status and the body that answer the request. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: object;

  constructor(status: number, body: object, message: string) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

/** A refusal of the data plane: schema `rpcStatus` of the published API. */
export function rpcRefusal(code: RpcCode, message: string): Refusal {
  return new Refusal(httpStatus[code], { code, message, details: [] }, message);
}

/** The data plane was asked something it can't take: 400. */
export function invalid(message: string): Refusal {
  return rpcRefusal(3, message);
}

/** The codes of schema `ErrorResponse` that are answered here. */
export type ControlCode =
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'UNAUTHENTICATED'
  | 'RESOURCE_EXHAUSTED'
  | 'UNIMPLEMENTED'
  | 'UNAVAILABLE'
  | 'FORBIDDEN'
  | 'UNPROCESSABLE_ENTITY';

/** A refusal of the control plane: schema `ErrorResponse` of the published API. */
export function controlRefusal(status: number, code: ControlCode, message: string): Refusal {
  return new Refusal(status, { error: { code, message }, status }, message);
}
