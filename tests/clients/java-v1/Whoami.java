import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.auth.DefaultAWSCredentialsProviderChain;
import com.amazonaws.services.securitytoken.AWSSecurityTokenServiceClientBuilder;
import com.amazonaws.services.securitytoken.model.GetCallerIdentityRequest;
import com.amazonaws.util.VersionInfoUtils;
import java.io.BufferedReader;
import java.io.InputStreamReader;

/** GetCallerIdentity by the AWS SDK for Java v1, once for each line on standard input. */
class Whoami {
    public static void main(String[] args) throws Exception {
        var endpoint = new EndpointConfiguration(System.getenv("AWS_ENDPOINT_URL_STS"), System.getenv("AWS_REGION"));
        var credentials = DefaultAWSCredentialsProviderChain.getInstance();
        var sts = AWSSecurityTokenServiceClientBuilder.standard()
            .withEndpointConfiguration(endpoint).withCredentials(credentials).build();
        var lines = new BufferedReader(new InputStreamReader(System.in));
        while (lines.readLine() != null) {
            var who = sts.getCallerIdentity(new GetCallerIdentityRequest()).getArn();
            var key = credentials.getCredentials().getAWSAccessKeyId();
            System.out.printf("{\"who\": \"%s\", \"access_key_id\": \"%s\", \"client\": \"aws-sdk-java\", \"version\": \"%s\"}%n",
                who, key, VersionInfoUtils.getVersion());
        }
    }
}
