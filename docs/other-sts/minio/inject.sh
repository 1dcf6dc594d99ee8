# In the folder with app.yaml. Put your registry and the server's address in.
irsa-sidecar inject -f app.yaml --image registry.example.com/irsa-sidecar:0.2.0 \
  --role-arn arn:minio:iam:::role/nOybJqMNzNmroqEKq5D0EUsRZw0 \
  --set AWS_ENDPOINT_URL_STS=https://s3.example.com
