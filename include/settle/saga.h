#pragma once

#include <settle/transaction_plan.h>

#include <list>
#include <string>
#include <string_view>
#include <vector>

namespace settle {

/// One step: an action, and what takes it back.
class SagaStep : public BranchPart<SagaStep> {
 public:
  SagaStep(std::string_view id, std::string_view action) : BranchPart(id) { fields_.text("action", action); }

  SagaStep& compensate(std::string_view url) { return fields_.text("compensate", url), *this; }
  /// Sent to `compensate` instead of the input.
  SagaStep& compensate_input(std::string_view json) { return fields_.json("compensate_input", json), *this; }
  SagaStep& attempt_timeout(std::chrono::milliseconds most) { return fields_.ms("attempt_timeout_ms", most), *this; }

  /// Only after that step is done. Without any `after` in the saga, steps run in the order of their making.
  SagaStep& after(std::string_view id);
  /// Once it is called, only its own refusal turns the saga back.
  SagaStep& pivot() { return fields_.flag("pivot"), *this; }
  /// The saga goes on without it if it fails; it is compensated then.
  SagaStep& optional() { return fields_.flag("optional"), *this; }
  /// Delivered in its place then, once the saga has committed.
  SagaStep& degrade(const FollowUp& instead);
  /// Puts the part `from` (JSON pointer) of that step's result at `into` of this input, byte for byte.
  SagaStep& bind(std::string_view step, std::string_view from, std::string_view into);
  SagaStep& compensate_bind(std::string_view step, std::string_view from, std::string_view into);

 private:
  std::vector<std::string> after_;
  std::string bind_;
  std::string compensate_bind_;
};

/// Actions one after the other (or as a graph); if one is refused, those before it are compensated.
///
///   settle::Saga saga("order-17");
///   saga.step("stock", stock + "/reserve").compensate(stock + "/release").input(R"({"item": 7})");
///   saga.step("pay", bank + "/pay").compensate(bank + "/refund").input(R"({"amount": 30})");
///   const auto done = client.run(saga, 10s);
class Saga : public PlanOf<Saga> {
 public:
  /// Without a gid: a fresh one.
  explicit Saga(std::string_view gid = {}) : PlanOf("saga", gid) {}

  /// The reference lives as long as the saga.
  SagaStep& step(std::string_view id, std::string_view action) { return steps_.emplace_back(id, action); }
  /// Steps without `after` run side by side.
  Saga& concurrent() { return fields_.flag("concurrent"), *this; }
  /// It never turns back: what fails is asked on. No deadline then.
  Saga& forward_recovery() { return fields_.text("recovery", "forward"), *this; }

 private:
  void complete(sdk_detail::Fields& fields) const override;

  std::list<SagaStep> steps_;
};

}  // namespace settle
