// Passkeys: between a form and the browser's own dialog. Without it the forms stay hidden and passwords work as ever.
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

  const ask = {
    // a new passkey
    create: async (question) => {
      const { challenge, party, user, known } = question;
      const made = await navigator.credentials.create({ publicKey: {
        challenge: bytes(challenge),
        rp: { id: party, name: 'billfold' },
        user: { id: bytes(user.id), name: user.name, displayName: user.display },
        pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: 'public-key', alg })),
        excludeCredentials: known.map((id) => ({ type: 'public-key', id: bytes(id) })),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        attestation: 'none',
        timeout: 300000,
      } });
      const { response } = made;
      return {
        credential: text(made.rawId),
        client_data: text(response.clientDataJSON),
        authenticator_data: text(response.getAuthenticatorData()),
        proof: text(response.getPublicKey()),
      };
    },
    // a sign-in
    get: async (question) => {
      const used = await navigator.credentials.get({ publicKey: {
        challenge: bytes(question.challenge),
        rpId: question.party,
        userVerification: 'required',
        timeout: 300000,
      } });
      const { response } = used;
      return {
        credential: text(used.rawId),
        client_data: text(response.clientDataJSON),
        authenticator_data: text(response.authenticatorData),
        proof: text(response.signature),
      };
    },
  };

  document.querySelectorAll('form[data-passkey]').forEach((form) => {
    const { passkey, origin, start } = form.dataset;
    if (!window.PublicKeyCredential || origin !== location.origin) return;
    form.hidden = false;
    document.querySelectorAll('[data-passkey-missing]').forEach((notice) => (notice.hidden = true));
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const status = form.querySelector('[role=status]');
      status.textContent = '';
      try {
        const asked = await fetch(start, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
        if (asked.status === 401) return location.assign(`/confirm?next=${encodeURIComponent(location.pathname)}`);
        if (!asked.ok) throw new Error(asked.statusText);
        const answer = await ask[passkey](await asked.json());
        for (const [name, value] of Object.entries(answer)) form.elements[name].value = value;
        form.submit();
      } catch {
        status.textContent = 'That did not work, or it was cancelled. Nothing has changed.';
      }
    });
  });
})();
