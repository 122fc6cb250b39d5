import { NEVER, type Observable } from 'rxjs';
import type { News } from '../../streams/ports.ts';
export const pop3Source = (..._args: unknown[]): Observable<News> => NEVER;
