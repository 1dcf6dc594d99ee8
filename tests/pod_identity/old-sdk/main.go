// GetCallerIdentity by an AWS SDK for Go of November 2022, with credentials as its default chain finds them.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/sts"
)

func main() {
	endpoint := os.Getenv("AWS_ENDPOINT_URL_STS")
	shared := session.Must(session.NewSession(&aws.Config{
		Endpoint: &endpoint, CredentialsChainVerboseErrors: aws.Bool(true), MaxRetries: aws.Int(0),
	}))
	identity, err := sts.New(shared).GetCallerIdentity(&sts.GetCallerIdentityInput{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(map[string]string{"who": *identity.Arn, "version": aws.SDKVersion})
}
