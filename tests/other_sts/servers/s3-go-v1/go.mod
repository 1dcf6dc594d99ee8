module irsa-sidecar/s3-go-v1

go 1.26

require github.com/aws/aws-sdk-go v1.44.133

require github.com/jmespath/go-jmespath v0.4.0 // indirect
