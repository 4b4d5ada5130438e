// The JavaScript Kubernetes client, as a program that uses it would: it runs the exec block of the
// kubeconfig in KUBECONFIG and prints who the API server takes it for.
//
// It sets no KUBERNETES_EXEC_INFO, and the plugin's standard input is a pipe that it never closes.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// The modules lie in the build folder, beside none of these files.
const require = createRequire(`${process.env.NODE_MODULES_ROOT}/`);
const { AuthenticationV1Api, KubeConfig } = await import(pathToFileURL(require.resolve('@kubernetes/client-node')).href);

const config = new KubeConfig();
config.loadFromDefault();
const review = await config.makeApiClient(AuthenticationV1Api).createSelfSubjectReview({ body: {} });
process.stdout.write(`${JSON.stringify(review)}\n`);
