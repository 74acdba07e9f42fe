package Selkies::Browser;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A real browser, driven by t/browser/driver.mjs over a pair of pipes.

use strict;
use warnings;

use IO::Handle;
use IO::Select;
use JSON::PP;
use POSIX ();
use Test::More ();
use Time::HiRes qw/ time /;

use Selkies qw/ clock slower /;

# Why the browser cannot run here, or undef.

sub missing {
	my ($class, $path) = @_;

	return "no $path" unless -x $path;
	return 'no node' unless grep { -x "$_/node" } split /:/, $ENV{PATH};
	return 'no node_modules: npm ci'
		unless -d Selkies->root() . '/node_modules/playwright-core';

	return undef;
}

# new($t, name, path, environment => value, ...)

sub new {
	my ($class, $t, $name, $path, %environment) = @_;

	pipe my $in, my $commands or die "pipe: $!\n";
	pipe my $answers, my $out or die "pipe: $!\n";

	mkdir "$t->{dir}/browser";

	my $pid = $t->spawn(sub {
		CORE::close $_ for $commands, $answers;
		open STDIN, '<&', $in;
		open STDOUT, '>&', $out;
		open STDERR, '>>', "$t->{dir}/logs/browser.log";
		$ENV{HOME} = $ENV{TMPDIR} = "$t->{dir}/browser";
		delete @ENV{qw/ DISPLAY XAUTHORITY DBUS_SESSION_BUS_ADDRESS /};
		%ENV = (%ENV, %environment);
		chdir Selkies->root();
		exec 'node', 't/browser/driver.mjs', $name, $path;
	});

	CORE::close $_ for $in, $out;
	$commands->autoflush(1);

	my $self = bless { t => $t, pid => $pid, commands => $commands,
		answers => $answers, buffer => '' }, $class;

	$self->answer(60);

	return $self;
}

sub answer {
	my ($self, $timeout) = @_;

	my $deadline = clock() + $timeout * slower();

	while ($self->{buffer} !~ /\n/) {
		my $left = $deadline - clock();

		die "the browser does not answer\n" if $left <= 0;
		next unless IO::Select->new($self->{answers})->can_read($left);
		sysread $self->{answers}, $self->{buffer}, 65536,
			length $self->{buffer}
			or die "the browser is gone: "
				. $self->{t}->read_file('logs/browser.log');
	}

	$self->{buffer} =~ s/^(.*)\n//;

	my $answer = decode_json($1);

	die "browser: $answer->{error}\n" unless $answer->{ok};

	return $answer->{value};
}

sub command {
	my ($self, $cmd, %o) = @_;

	print { $self->{commands} } encode_json({ cmd => $cmd, %o }) . "\n";

	return $self->answer(60);
}

sub eval {
	my ($self, $code) = @_;

	return $self->command('eval', code => $code);
}

# A method of Chromium's protocol.

sub devtools {
	my ($self, $method, %params) = @_;

	return $self->command('devtools', method => $method, params => \%params);
}

# Fingers, each [x, y] or [x, y, number]: some that 'Start', or 'Move'; 'End'
# lifts those that it names, or all.

sub fingers {
	my ($self, $type, @points) = @_;

	$self->fingers_at(time(), $type, @points);
}

sub fingers_at {
	my ($self, $time, $type, @points) = @_;
	my $id = 0;

	$self->devtools('Input.dispatchTouchEvent', type => "touch$type",
		timestamp => $time,
		touchPoints => [ map { { x => $_->[0], y => $_->[1],
			id => defined $_->[2] ? $_->[2] : $id++ } } @points ]);
}

# For the page it is short, however long it takes to say so.

sub tap {
	my ($self, @points) = @_;

	$self->tap_at(time(), @points);
}

sub tap_at {
	my ($self, $time, @points) = @_;

	$self->fingers_at($time, 'Start', @points);
	$self->fingers_at($time + 0.02, 'End');
}

# The middle of what a selector finds, for a finger.

sub middle {
	my ($self, $selector) = @_;

	return $self->eval("const b = document.querySelector('$selector')
		.getBoundingClientRect();
		return [b.left + b.width / 2, b.top + b.height / 2];");
}

# Polls the page until an expression is true; its value.

sub until {
	my ($self, $expression, $timeout) = @_;

	my $ms = 1000 * ($timeout || 10) * slower();

	return $self->eval("
		const end = performance.now() + $ms;
		for (;;) {
			let value = false;
			try { value = await ($expression); } catch { value = false; }
			if (value || performance.now() > end) { return value; }
			await new Promise(resolve => setTimeout(resolve, 10));
		}");
}

# A page of the client that is live.  What else is given, open has.

sub live {
	my ($self, $url, %o) = @_;

	my $n = $self->command('open', width => 1000, height => 600, %o,
		url => $url);

	Test::More::ok($self->until("globalThis.__selkies
		&& __selkies.state === 'live'", 30), 'the page is live');

	return $n;
}

# JavaScript: the button that says so; of the toolbar, unless it is said where.

sub button {
	my ($self, $text, $where) = @_;

	my $is = JSON::PP->new()->ascii()->allow_nonref()->encode($text);

	return "[...document.querySelectorAll('" . ($where || '#tools')
		. " button')].find(one => one.textContent.trim() === $is)";
}

# Pushes it, as soon as it is there and may be pushed; whether it was.

sub push_button {
	my ($self, @which) = @_;

	return $self->until('(() => { const one = ' . $self->button(@which)
		. '; if (!one || one.hidden || one.disabled) { return false; }'
		. ' one.click(); return true; })()');
}

# Opens a panel by its button, and waits until it shows something.

sub panel {
	my ($self, $name) = @_;

	my $is = JSON::PP->new()->ascii()->allow_nonref()->encode($name);

	return $self->push_button($name)
		&& $self->until("document.getElementById('panel-name').textContent
			=== $is && document.querySelector('#panel .body > div') !== null");
}

# A picture of the page for people, where TEST_SELKIES_SHOTS names a folder.

sub shot {
	my ($self, $name) = @_;

	my $folder = $ENV{TEST_SELKIES_SHOTS} or return;

	$self->eval('await Promise.race([
		new Promise(resolve => setTimeout(resolve, 1500)),
		Promise.all(document.getAnimations().filter(one =>
			one.effect.getComputedTiming().endTime < 2000)
			.map(one => one.finished.catch(() => null))) ])');
	$self->command('shot', path => "$folder/$name.png");
}

# Nothing in the console, no violation of the policy; `allowed` matches what
# may be there.

sub no_problems {
	my ($self, $name, $allowed) = @_;

	my @problems = grep { !defined $allowed || $_ !~ $allowed }
		@{ $self->command('problems') };

	return Test::More::is(join("\n", @problems), '',
		"$name: no error in the console, no violation of the policy");
}

sub quit {
	my ($self) = @_;

	CORE::close $self->{commands};
	$self->{t}->reap($self->{pid}, 10);
}

1;
