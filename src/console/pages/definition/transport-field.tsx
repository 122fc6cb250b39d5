import type { DefinitionForm } from '../../wire.types.ts';
import { idOf } from './field.tsx';
import { branchOf, propertyAt, type Transport } from './form-model.ts';

const transports: readonly Transport[] = ['smtp', 'pop3'];

export interface TransportFieldProps {
  readonly form: DefinitionForm;
  readonly value: Transport;
  readonly faults: readonly string[];
  readonly disabled: boolean;
  /** It may not change now: the definition is not suspended. */
  readonly held: boolean;
  readonly onChange: (transport: Transport) => void;
}

/** Transport Type: the choice decides which connection properties there are. */
export function TransportField({ form, value, faults, disabled, held, onChange }: TransportFieldProps) {
  const id = idOf('transport');
  return (
    <div class={faults.length > 0 ? 'field faulty' : 'field'} role="radiogroup" aria-labelledby={`${id}-name`}>
      <span class="label" id={`${id}-name`}>
        Transport Type<span class="required"> required</span>
      </span>
      <div class="value">
        {transports.map((transport, at) => (
          <label key={transport} class="choice">
            <input
              id={at === 0 ? id : undefined}
              type="radio"
              name="transport"
              value={transport}
              checked={transport === value}
              disabled={disabled || held}
              onChange={() => onChange(transport)}
            />
            {transport.toUpperCase()}
            <span class="soft">{propertyAt(branchOf(form, transport), 'transport')?.description}</span>
          </label>
        ))}
        {faults.length > 0 && <p class="fault">{faults.join('; ')}</p>}
        {held && <p class="help">It may change only while the definition is suspended.</p>}
      </div>
    </div>
  );
}
