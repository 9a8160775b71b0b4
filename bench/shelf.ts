import type { Case } from './case.ts';
import { type Seeded, seed } from './run.ts';
import type { Warehouse } from './stage.ts';
import { SUBJECTS, type SubjectName } from './subject.ts';

/** The images in the source registry; each subject is made and pushed when a case first wants it. */
export class Shelf {
  readonly #warehouse: Warehouse;
  readonly #subjects = new Map<SubjectName, readonly Seeded[]>();

  constructor(warehouse: Warehouse) {
    this.#warehouse = warehouse;
  }

  /** Where tools find the images. */
  hostFor(testCase: Case): Promise<string> {
    return this.#warehouse.hostFor(testCase);
  }

  async imagesOf(subject: SubjectName): Promise<readonly Seeded[]> {
    const known = this.#subjects.get(subject);
    if (known !== undefined) return known;
    const made = await SUBJECTS[subject].make();
    const seeded = made.map((image, index) => ({ image, repository: `bench/${subject}-${index}` }));
    await seed(this.#warehouse.server.url, seeded);
    this.#subjects.set(subject, seeded);
    return seeded;
  }
}
