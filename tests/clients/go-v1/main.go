// GetCallerIdentity by the AWS SDK for Go v1, once for each line on standard input.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/sts"
)

func main() {
	endpoint := os.Getenv("AWS_ENDPOINT_URL_STS")
	shared := session.Must(session.NewSession(&aws.Config{Endpoint: &endpoint}))
	client := sts.New(shared)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		identity, err := client.GetCallerIdentity(&sts.GetCallerIdentityInput{})
		if err != nil {
			log.Fatal(err)
		}
		credentials, err := shared.Config.Credentials.Get()
		if err != nil {
			log.Fatal(err)
		}
		json.NewEncoder(os.Stdout).Encode(map[string]string{
			"who": *identity.Arn, "access_key_id": credentials.AccessKeyID,
			"client": aws.SDKName, "version": aws.SDKVersion,
		})
	}
}
