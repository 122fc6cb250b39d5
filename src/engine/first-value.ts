import { firstValueFrom, from, type ObservableInput } from 'rxjs';

/** The one value of a port's answer. */
export const firstValue = <T>(answer: ObservableInput<T>): Promise<T> => firstValueFrom(from(answer));
