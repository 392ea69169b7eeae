#include "tests/support/forked_child.h"

#include <sys/wait.h>
#include <unistd.h>

namespace holdfast {

bool HoldsInChild(const std::function<bool()>& check) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(check() ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace holdfast
