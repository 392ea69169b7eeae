#include "tests/crash_points/disk_operation.h"

namespace holdfast {
namespace {

struct Describer {
  std::string operator()(const CreateOperation& op) const { return "create " + op.path; }
  std::string operator()(const OpenOperation& op) const { return "open " + op.file.path; }
  std::string operator()(const WriteOperation& op) const {
    return "write " + std::to_string(op.data.size()) + " bytes at " + std::to_string(op.offset) +
           " of " + op.file.path;
  }
  std::string operator()(const ResizeOperation& op) const {
    return "resize to " + std::to_string(op.size) + " bytes " + op.file.path;
  }
  std::string operator()(const SyncOperation& op) const { return "sync " + op.file.path; }
  std::string operator()(const RenameOperation& op) const {
    return "rename " + op.from + " to " + op.to;
  }
  std::string operator()(const RemoveOperation& op) const { return "remove " + op.path; }
  std::string operator()(const MakeDirectoryOperation& op) const { return "mkdir " + op.path; }
};

struct PathReader {
  std::string operator()(const CreateOperation& op) const { return op.path; }
  std::string operator()(const OpenOperation& op) const { return op.file.path; }
  std::string operator()(const WriteOperation& op) const { return op.file.path; }
  std::string operator()(const ResizeOperation& op) const { return op.file.path; }
  std::string operator()(const SyncOperation& op) const { return op.file.path; }
  std::string operator()(const RenameOperation& op) const { return op.to; }
  std::string operator()(const RemoveOperation& op) const { return op.path; }
  std::string operator()(const MakeDirectoryOperation& op) const { return op.path; }
};

}  // namespace

std::string Describe(const DiskOperation& operation) { return std::visit(Describer{}, operation); }

std::string KindOf(const DiskOperation& operation) {
  const std::string text = Describe(operation);
  return text.substr(0, text.find(' '));
}

std::string PathOf(const DiskOperation& operation) { return std::visit(PathReader{}, operation); }

}  // namespace holdfast
