// holdfast release

#include "clients/cli/commands.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/report.h"
#include "clients/cli/server.h"

namespace holdfast::cli {

int Release(const ReleaseOptions& options) {
  const auto server = Server::Create(options.server);
  if (!server.ok()) return Report(server.status());
  v1::ReleaseRequest request;
  request.set_key(options.key);
  request.set_lease_id(options.lease_id);
  const auto response =
      (*server)->Call((*server)->locks(), &v1::LockService::Stub::Release, request);
  return response.ok() ? ToInt(ExitCode::kOk) : Report(response.status());
}

}  // namespace holdfast::cli
