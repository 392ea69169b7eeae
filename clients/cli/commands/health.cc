// holdfast health: whether the server serves.

#include "clients/cli/commands/commands.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/output/locks.h"
#include "clients/cli/output/report.h"
#include "clients/cli/server.h"
#include "grpc/health/v1/health.pb.h"

namespace holdfast::cli {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

int Health(const HealthOptions& options) {
  const auto server = Server::Create(options.server);
  if (!server.ok()) return Report(server.status());
  const auto response = (*server)->Call((*server)->health(), &grpc::health::v1::Health::Stub::Check,
                                        HealthCheckRequest());
  if (!response.ok()) return Report(response.status());
  const bool serving = response->status() == HealthCheckResponse::SERVING;
  const char* const text = serving ? "serving\n" : "not serving\n";
  if (!Print(options.json ? ToJsonLine(*response) : text)) return ToInt(ExitCode::kFailed);
  return ToInt(serving ? ExitCode::kOk : ExitCode::kNotServing);
}

}  // namespace holdfast::cli
