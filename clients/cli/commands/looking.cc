// holdfast ls, show and watch: who holds what.

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/cli/commands/commands.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/output/locks.h"
#include "clients/cli/output/report.h"
#include "clients/cli/output/span.h"
#include "clients/cli/output/text.h"
#include "clients/cli/server.h"
#include "clients/cpp/transport/convert.h"

namespace holdfast::cli {
namespace {

// The most that the API allows: fewer calls.
constexpr unsigned kPageSize = 1000;

std::string Name(const std::string& owner) { return owner.empty() ? "-" : Printable(owner); }

std::string Describe(const v1::Holder& holder) {
  std::string text = absl::StrCat("  held by  ", Name(holder.owner()), "\n",               //
                                  "  token    ", holder.fencing_token(), "\n",             //
                                  "  since    ", FormatMoment(holder.held_since()), " (",  //
                                  FormatSpan(core::FromProto(holder.held_for())), ")\n",   //
                                  "  expires  ", ExpiryOf(holder));
  if (holder.has_expire()) {
    absl::StrAppend(&text, ", of ", FormatSpan(core::FromProto(holder.expire())));
  }
  absl::StrAppend(&text, "\n");
  if (!holder.tags().empty()) {
    absl::StrAppend(&text, "  tags     ", Printable(JoinTags(holder.tags())), "\n");
  }
  return text;
}

std::string DescribeQueue(const v1::Lock& lock) {
  if (lock.queue_length() == 0) return "  waiting  nobody\n";
  Table table({"POSITION", "OWNER", "WAITING", "TAGS"}, /*indent=*/"  ");
  for (const v1::Waiter& waiter : lock.waiters()) {
    const char* const parked = waiter.parked() ? " (connection lost)" : "";
    table.Add({absl::StrCat(waiter.position()), waiter.owner() + parked,
               FormatSpan(core::FromProto(waiter.waiting_for())), JoinTags(waiter.tags())});
  }
  std::string text = absl::StrCat("  waiting  ", lock.queue_length(), "\n\n", table.Render());
  const auto shown = static_cast<std::uint32_t>(lock.waiters_size());
  if (shown < lock.queue_length()) {
    absl::StrAppend(&text, "  and ", lock.queue_length() - shown, " more\n");
  }
  return text;
}

std::string Describe(const v1::Lock& lock) {
  std::string text = Printable(lock.key()) + "\n";
  for (const v1::Holder& holder : lock.holders()) text += Describe(holder);
  if (lock.holders().empty()) text += "  free\n";
  return text + DescribeQueue(lock);
}

// Empty: a kind that only a newer server knows.
std::string_view Verb(v1::LeaseEvent::Kind kind) {
  switch (kind) {
    case v1::LeaseEvent::HELD:
      return "held";
    case v1::LeaseEvent::GRANTED:
      return "granted";
    case v1::LeaseEvent::RELEASED:
      return "released";
    case v1::LeaseEvent::EXPIRED:
      return "expired";
    case v1::LeaseEvent::FORCED:
      return "forced";
    default:
      return "";
  }
}

// One line, aligned as far as it can be without knowing those that follow.
std::string Describe(const v1::LeaseEvent& event) {
  const std::string_view verb = Verb(event.kind());
  // The end of the snapshot matters to programs: people see what is `held`.
  if (verb.empty()) return "";
  std::string line = absl::StrFormat(
      "%s  %-8s  %s  %s  token %d", FormatMoment(event.time()),
      absl::string_view(verb.data(), verb.size()), Printable(event.key()),
      event.owner().empty() ? "-" : Printable(event.owner()), event.fencing_token());
  if (event.has_expire()) {
    absl::StrAppend(&line, "  expire ", FormatSpan(core::FromProto(event.expire())));
  }
  if (!event.tags().empty()) {
    absl::StrAppend(&line, "  tags ", Printable(JoinTags(event.tags())));
  }
  return line + "\n";
}

// Whether a server answers, by a call that gives up if none does: a stream to a server
// that hangs would only be silent.
absl::Status FindServer(Server& server) {
  v1::ListRequest request;
  request.set_page_size(1);
  return server.Call(server.locks(), &v1::LockService::Stub::List, request).status();
}

}  // namespace

int List(const ListOptions& options) {
  const auto server = Server::Create(options.server);
  if (!server.ok()) return Report(server.status());

  Table table = LockTable();
  v1::ListRequest request;
  *request.mutable_filter() = ToFilter(options.select);
  request.set_page_size(kPageSize);
  do {
    const auto page = (*server)->Call((*server)->locks(), &v1::LockService::Stub::List, request);
    if (!page.ok()) return Report(page.status());
    for (const v1::Lock& lock : page->locks()) {
      if (!options.json) {
        AddRows(lock, table);
      } else if (!Print(ToJsonLine(lock))) {
        return ToInt(ExitCode::kFailed);
      }
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return Print(table.Render()) ? ToInt(ExitCode::kOk) : ToInt(ExitCode::kFailed);
}

int Show(const ShowOptions& options) {
  const auto server = Server::Create(options.server);
  if (!server.ok()) return Report(server.status());
  v1::GetRequest request;
  request.set_key(options.key);
  const auto response = (*server)->Call((*server)->locks(), &v1::LockService::Stub::Get, request);
  if (!response.ok()) return Report(response.status());
  const v1::Lock& lock = response->lock();
  const bool printed = Print(options.json ? ToJsonLine(lock) : Describe(lock));
  return ToInt(printed ? ExitCode::kOk : ExitCode::kFailed);
}

int Watch(const WatchOptions& options) {
  const auto server = Server::Create(options.server);
  if (!server.ok()) return Report(server.status());
  if (const absl::Status found = FindServer(**server); !found.ok()) return Report(found);

  v1::WatchRequest request;
  *request.mutable_filter() = ToFilter(options.select);
  grpc::ClientContext context;
  const auto stream = (*server)->locks().Watch(&context, request);
  v1::WatchResponse response;
  while (stream->Read(&response)) {
    std::string lines;
    for (const v1::LeaseEvent& event : response.events()) {
      lines += options.json ? ToJsonLine(event) : Describe(event);
    }
    if (!Print(lines)) return ToInt(ExitCode::kFailed);
  }
  const absl::Status end = core::StatusFrom(stream->Finish());
  // The server has no reason to end a watch well.
  return Report(end.ok() ? absl::UnavailableError("the server has ended the watch") : end);
}

}  // namespace holdfast::cli
