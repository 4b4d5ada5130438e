// Where the provider keeps its models: in memory, outliving the provider object itself.
export class Store {
  #models = new Map();

  adapter = (model) => new Adapter(this.#models, model);

  // revokeAccount destroys all that was issued to a person; it answers how many things that were.
  revokeAccount(accountId) {
    let revoked = 0;
    for (const [key, payload] of this.#models) {
      if (payload.accountId === accountId && this.#models.delete(key)) revoked += 1;
    }
    return { revoked };
  }
}

class Adapter {
  #models;

  #model;

  constructor(models, model) {
    this.#models = models;
    this.#model = model;
  }

  #key(id) {
    return `${this.#model}:${id}`;
  }

  async upsert(id, payload) {
    this.#models.set(this.#key(id), payload);
  }

  async find(id) {
    return this.#models.get(this.#key(id));
  }

  async findByUid(uid) {
    return this.#first((payload) => payload.uid === uid);
  }

  async findByUserCode(userCode) {
    return this.#first((payload) => payload.userCode === userCode);
  }

  #first(wanted) {
    for (const [key, payload] of this.#models) {
      if (key.startsWith(`${this.#model}:`) && wanted(payload)) return payload;
    }
    return undefined;
  }

  async consume(id) {
    this.#models.get(this.#key(id)).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    this.#models.delete(this.#key(id));
  }

  async revokeByGrantId(grantId) {
    for (const [key, payload] of this.#models) {
      if (payload.grantId === grantId) this.#models.delete(key);
    }
  }
}
