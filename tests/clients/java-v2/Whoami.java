import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.core.util.VersionInfo;
import software.amazon.awssdk.services.sts.StsClient;

/** GetCallerIdentity by the AWS SDK for Java v2, once for each line on standard input. */
class Whoami {
    public static void main(String[] args) throws Exception {
        var credentials = DefaultCredentialsProvider.builder().build();
        var sts = StsClient.builder().credentialsProvider(credentials)
            .endpointOverride(URI.create(System.getenv("AWS_ENDPOINT_URL_STS"))).build();
        var lines = new BufferedReader(new InputStreamReader(System.in));
        while (lines.readLine() != null) {
            var who = sts.getCallerIdentity().arn();
            var key = credentials.resolveCredentials().accessKeyId();
            System.out.printf("{\"who\": \"%s\", \"access_key_id\": \"%s\", \"client\": \"aws-sdk-java-v2\", \"version\": \"%s\"}%n",
                who, key, VersionInfo.SDK_VERSION);
        }
    }
}
