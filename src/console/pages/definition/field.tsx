import { Prose } from '../../parts/prose.tsx';
import { who } from '../../session.ts';
import { type FieldValue, fieldValue, isInMinutes, mask, type Property } from './form-model.ts';

export interface FieldProps {
  readonly path: string;
  readonly property: Property;
  readonly required: boolean;
  readonly value: FieldValue;
  /** As it is saved; a select keeps what it cannot choose anew. */
  readonly saved: FieldValue | undefined;
  readonly faults: readonly string[];
  readonly disabled: boolean;
  /** The name of the option that has to be on before this one does anything. */
  readonly lacks?: string | undefined;
  readonly onChange: (value: FieldValue) => void;
}

export const idOf = (path: string): string => `field-${path.replaceAll('.', '-')}`;

/** One option of the form: its name, what it means, what it is where nothing is said, and what is wrong with it. */
export function Field(props: FieldProps) {
  const { path, property, required, faults, lacks } = props;
  const id = idOf(path);
  return (
    <div class={faults.length > 0 ? 'field faulty' : 'field'}>
      <label for={id}>
        {property.title ?? path}
        {required && <span class="required"> required</span>}
      </label>
      <div class="value">
        <Input {...props} />
        {faults.length > 0 && (
          <p class="fault" id={`${id}-fault`}>
            {faults.join('; ')}
          </p>
        )}
        <p class="help" id={`${id}-help`}>
          <Prose text={property.description ?? ''} />
          <Preset property={property} />
          {lacks !== undefined && <strong> Only with {lacks}.</strong>}
        </p>
      </div>
    </div>
  );
}

function Preset({ property }: { readonly property: Property }) {
  const { default: preset, expected: allowed, type } = property;
  const shown = preset === undefined || Array.isArray(preset) ? preset : fieldValue(property, preset);
  const value = Array.isArray(preset) ? 'none' : type === 'boolean' ? (preset === true ? 'on' : 'off') : shown;
  const expected = isInMinutes(property) ? `minutes, or ${allowed}` : allowed;
  const worded = type !== 'boolean' && property.enum === undefined && expected !== undefined;
  return (
    <span class="preset">
      {worded && ` ${expected.charAt(0).toUpperCase()}${expected.slice(1)}.`}
      {value !== undefined && ` Default: ${String(value)}.`}
    </span>
  );
}

function Input({ path, property, required, value, saved, faults, disabled, lacks, onChange }: FieldProps) {
  const id = idOf(path);
  const common = {
    id,
    disabled: disabled || lacks !== undefined,
    'aria-describedby': faults.length > 0 ? `${id}-fault ${id}-help` : `${id}-help`,
    'aria-invalid': faults.length > 0,
  };
  if (typeof value === 'boolean') {
    return (
      <input {...common} type="checkbox" checked={value} onChange={(event) => onChange(event.currentTarget.checked)} />
    );
  }
  if (property.enum !== undefined) {
    return (
      <select {...common} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {property.enum.map((choice) => (
          <option key={choice} value={choice} disabled={isForbidden(path, choice, saved)}>
            {choice}
            {isForbidden(path, choice, saved) ? ' (role admin alone)' : ''}
          </option>
        ))}
      </select>
    );
  }
  if (property.type === 'array') {
    return (
      <textarea
        {...common}
        rows={3}
        spellcheck={false}
        placeholder="one a line"
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  const secret = property.writeOnly === true;
  return (
    <input
      {...common}
      {...(secret ? { type: 'password' as const } : { type: 'text' as const })}
      {...(property.type === 'integer' ? { inputMode: 'numeric' as const } : {})}
      autocomplete={secret ? 'new-password' : 'off'}
      spellcheck={false}
      required={required}
      placeholder={secret && saved === mask ? 'as it is; type to replace it' : ''}
      value={secret && value === mask ? '' : value}
      onInput={(event) => {
        const typed = event.currentTarget.value;
        onChange(secret && typed === '' && saved === mask ? mask : typed);
      }}
    />
  );
}

/** Weaker checks of a certificate are for the admin to set; the engine refuses others anyway. */
function isForbidden(path: string, choice: string, saved: FieldValue | undefined): boolean {
  return path === 'pop3.encryptionMode' && choice === 'relaxed' && saved !== 'relaxed' && who.value?.role !== 'admin';
}
