# GetCallerIdentity by the AWS SDK for Ruby 3, once for each line on standard input.
require 'aws-sdk-core'
require 'json'

$stdout.sync = true
sts = Aws::STS::Client.new(endpoint: ENV.fetch('AWS_ENDPOINT_URL_STS'))
$stdin.each_line do
  who = sts.get_caller_identity.arn
  key = sts.config.credentials.credentials.access_key_id
  puts({ who: who, access_key_id: key, client: 'aws-sdk-ruby', version: Aws::CORE_GEM_VERSION }.to_json)
end
