// Events that a class says it has.

/**
 * An event target that knows the names of its events, and what is told with each as its `detail`.
 * @template {object} Details the type of the detail, by the event's name; `undefined` where nothing is told
 */
export class Emitter extends EventTarget {
  /**
   * @template {keyof Details & string} Name
   * @param {Name} name
   * @param {((event: CustomEvent<Details[Name]>) => unknown) | EventListenerObject | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   * @override
   */
  addEventListener(name, listener, options) {
    super.addEventListener(name, /** @type {EventListener} */ (listener), options);
  }

  /**
   * @template {keyof Details & string} Name
   * @param {Name} name
   * @param {((event: CustomEvent<Details[Name]>) => unknown) | EventListenerObject | null} listener
   * @param {boolean | EventListenerOptions} [options]
   * @override
   */
  removeEventListener(name, listener, options) {
    super.removeEventListener(name, /** @type {EventListener} */ (listener), options);
  }

  /**
   * Tells everybody who listens.
   * @template {keyof Details & string} Name
   * @param {Name} name
   * @param {Details[Name] extends undefined ? [] : [detail: Details[Name]]} details
   */
  emit(name, ...details) {
    this.dispatchEvent(new CustomEvent(name, { detail: details[0] }));
  }
}
