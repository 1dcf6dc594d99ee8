module irsa-sidecar.bench/eks-pod-identity-agent

go 1.24

tool go.amzn.com/eks/eks-pod-identity-agent

require go.amzn.com/eks/eks-pod-identity-agent v0.0.0

replace go.amzn.com/eks/eks-pod-identity-agent => github.com/aws/eks-pod-identity-agent v0.1.37
