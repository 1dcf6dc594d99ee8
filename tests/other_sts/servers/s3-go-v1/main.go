// Puts an object and gets it back by the AWS SDK for Go v1, with credentials from wherever the SDK finds them.
package main

import (
	"encoding/json"
	"io"
	"log"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/s3"
)

func main() {
	bucket, key, content := aws.String(os.Args[1]), aws.String("go-v1"), os.Args[2]
	shared := session.Must(session.NewSession(&aws.Config{
		Endpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL_S3")), S3ForcePathStyle: aws.Bool(true),
	}))
	client := s3.New(shared)
	if _, err := client.PutObject(&s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader(content)}); err != nil {
		log.Fatal(err)
	}
	object, err := client.GetObject(&s3.GetObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		log.Fatal(err)
	}
	got, err := io.ReadAll(object.Body)
	if err != nil {
		log.Fatal(err)
	}
	credentials, err := shared.Config.Credentials.Get()
	if err != nil {
		log.Fatal(err)
	}
	json.NewEncoder(os.Stdout).Encode(map[string]string{
		"got": string(got), "access_key_id": credentials.AccessKeyID, "version": aws.SDKVersion,
	})
}
