// holdfast renew

#include "clients/cli/commands.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/json.h"
#include "clients/cli/output.h"
#include "clients/cli/report.h"
#include "clients/cli/server.h"
#include "clients/cpp/transport/convert.h"

namespace holdfast::cli {

int Renew(const RenewOptions& options) {
  const auto server = Server::Create(options.server);
  if (!server.ok()) return Report(server.status());
  v1::RenewRequest request;
  request.set_key(options.key);
  request.set_lease_id(options.lease_id);
  if (options.expire.has_value()) *request.mutable_expire() = core::ToProto(*options.expire);
  const auto response = (*server)->Call((*server)->locks(), &v1::LockService::Stub::Renew, request);
  if (!response.ok()) return Report(response.status());
  const bool printed = !options.json || Print(ToJsonLine(response->lease()));
  return ToInt(printed ? ExitCode::kOk : ExitCode::kFailed);
}

}  // namespace holdfast::cli
