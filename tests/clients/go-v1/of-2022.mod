module whoami

go 1.21

require github.com/aws/aws-sdk-go v1.44.133

require github.com/jmespath/go-jmespath v0.4.0 // indirect
