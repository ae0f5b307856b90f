//! What systemd is told where it has asked: that billfold is ready, that it lives, that it stops. Elsewhere nothing happens.

use sd_notify::NotifyState;

/// Requests are welcome. From now on systemd hears that the program lives, twice as often as it wants to.
pub fn ready() {
    tell(NotifyState::Ready);
    if let Some(interval) = sd_notify::watchdog_enabled() {
        tokio::spawn(async move {
            loop {
                tell(NotifyState::Watchdog);
                tokio::time::sleep(interval / 2).await;
            }
        });
    }
}

/// The end has begun.
pub fn stopping() {
    tell(NotifyState::Stopping);
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}
