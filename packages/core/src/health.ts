/** `degraded`: works, but not as it should. `unknown`: could not be found out. */
export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy' | 'unknown';

/** How a backend is now. */
export interface HealthReport {
  /** The backend's name. */
  readonly name: string;
  readonly status: HealthStatus;
  /** How long the check took, in milliseconds. */
  readonly latencyMs: number;
  /** Why it is not healthy, and what to do. Missing when it is. */
  readonly message?: string;
  /** What the backend tells of itself: versions, sizes, settings worth knowing. JSON-safe, no secrets. */
  readonly details: { readonly [name: string]: unknown };
  readonly checkedAt: Date;
}
