// A copy of a database's files while a server may be writing to them, such as a crash of
// that server would have left at one moment of the copying. So whatever was acknowledged
// before is in it, and what opens it is the same code that recovers from crashes.
//
// It needs no word from the server. Tables never change once they are finished; a manifest
// and the logs grow. As long as the manifest has not grown and no log was begun or removed
// while they were read, the tables that it lists are all there, every log but the newest is
// complete, and of the newest a beginning of whole commits was read. Otherwise the copy
// begins again, with the tables that it has already: the next time it takes as long as it
// takes to read some 16 MiB of logs.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_DATABASE_COPY_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_DATABASE_COPY_H_

#include <functional>
#include <string>

#include "absl/status/status.h"

namespace holdfast {

struct CopyOptions {
  // Called in each attempt when all has been read, and before it is seen whether the
  // database has changed meanwhile. For tests. May be empty.
  std::function<void()> before_check;
};

// Copies the database in the folder `from` into the folder `to`, which must be empty. The
// copy is durable when this returns.
//
// DATA_LOSS: it is damaged. ABORTED: it has changed again and again in a way that only many
// attempts would get around. Otherwise what the operating system said. Then `to` holds
// nothing of use.
absl::Status CopyDatabase(const std::string& from, const std::string& to,
                          const CopyOptions& options = {});

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_DATABASE_COPY_H_
