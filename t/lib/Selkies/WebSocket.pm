package Selkies::WebSocket;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A websocket client that speaks dialect 1 of Selkies, or anything a hostile
# peer might.  While one client waits, every other open client is read too, so
# that none of them looks slow unless a test says pause().

use strict;
use warnings;

use Digest::SHA qw/ sha1_base64 /;
use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw/ encode_base64 /;
use Scalar::Util qw/ weaken /;
use Socket qw/ SOL_SOCKET SOCK_STREAM SO_LINGER SO_RCVBUF IPPROTO_TCP
	TCP_NODELAY /;

use Selkies;

use base qw/ Selkies::Watching Selkies::Slow /;

use constant {
	CONTINUATION => 0, TEXT => 1, BINARY => 2, CLOSE => 8, PING => 9,
	PONG => 10
};

use constant ACK_PERIOD => 0.05;

my @clients;

###############################################################################
# opening

# new($t, port =>, path =>, origin =>, host =>, auth => 'user:password',
#     headers => [...], ssl => {...}, raw => whole request, behind => bytes in
#     the same segment, rcvbuf => bytes, key =>, ack => 0)

sub new {
	my ($class, $t, %o) = @_;

	my ($self) = $class->crowd($t, 1, %o);

	return $self;
}

# So many at once: all have asked before the first answer is read.

sub crowd {
	my ($class, $t, $n, %o) = @_;

	my @crowd = map { $class->dialled($t, %o) } 1 .. $n;

	$_->ask(%o) for @crowd;
	$_->answer(%o) for @crowd;

	return @crowd;
}

# Connected, with nothing said yet: ask() and answer() are next.

sub dialled {
	my ($class, $t, %o) = @_;

	my $self = bless {
		t => $t,
		port => $o{port} || $t->port(0),
		buffer => '',
		texts => [],
		frames => [],
		binaries => [],
		gop => [],
		log => [],
		errors => [],
		pings => [],
		pongs => [],
		received => 0,
		nframes => 0,
		auto_ack => 0,
		auto_pong => !$o{behind},
		keep => 1,
		open => 0,
	}, $class;

	$self->{socket} = $self->dial(%o) or die "connect: $!\n";

	return $self;
}

sub dial {
	my ($self, %o) = @_;

	my $s = IO::Socket::INET->new(Proto => 'tcp', Type => SOCK_STREAM)
		or return undef;

	# before connect(), or the window is negotiated already
	setsockopt $s, SOL_SOCKET, SO_RCVBUF, $o{rcvbuf} if $o{rcvbuf};
	setsockopt $s, IPPROTO_TCP, TCP_NODELAY, 1;

	connect $s, Socket::pack_sockaddr_in($self->{port},
		Socket::inet_aton('127.0.0.1')) or return undef;

	return $s unless $o{ssl};

	require IO::Socket::SSL;

	return IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0, %{ $o{ssl} });
}

sub ask {
	my ($self, %o) = @_;

	my $key = $self->{key} = $o{key}
		|| encode_base64(pack('N4', map { int rand 2 ** 32 } 1 .. 4), '');
	my $request = $o{raw};

	if (!defined $request) {
		my $path = defined $o{path} ? $o{path} : '/websockets';
		my $host = defined $o{host} ? $o{host} : "127.0.0.1:$self->{port}";

		my @lines = ("GET $path HTTP/1.1", "Host: $host",
			'Upgrade: websocket', 'Connection: Upgrade',
			"Sec-WebSocket-Key: $key", 'Sec-WebSocket-Version: 13');

		push @lines, "Origin: $o{origin}" if defined $o{origin};
		push @lines, 'Authorization: Basic ' . encode_base64($o{auth}, '')
			if defined $o{auth};

		$request = join "\r\n", @lines, @{ $o{headers} || [] }, '', '';
	}

	$request .= $o{behind} if defined $o{behind};

	$self->{socket}->syswrite($request);
}

sub answer {
	my ($self, %o) = @_;

	my $response = '';
	my $deadline = clock() + ($o{timeout} || 5) * slower();

	while ($response !~ /\r\n\r\n/) {
		my $left = $deadline - clock();

		last if $left <= 0;
		next unless $self->pending()
			|| IO::Select->new($self->{socket})->can_read($left);
		last unless $self->{socket}->sysread($response, 4096,
			length $response);
	}

	my ($head, $rest) = split /\r\n\r\n/, $response, 2;

	$self->{head} = defined $head ? $head : '';
	$self->{rest} = $rest;
	($self->{status}) = $self->{head} =~ m!^HTTP/1\.[01] (\d{3})!;
	$self->{status} ||= 0;

	if ($self->{status} == 101) {
		$self->{open} = 1;
		$self->{buffer} = defined $rest ? $rest : '';
		$self->{accept_ok} = ($self->header('Sec-WebSocket-Accept') || '')
			eq sha1_base64($self->{key}
				. '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';

		push @clients, $self;
		weaken $clients[-1];

		if (!$self->{socket}->isa('IO::Socket::SSL')) {
			$self->{socket}->blocking(0);
		}

		$self->parse();
	}
}

sub status { $_[0]->{status} }
sub is_open { $_[0]->{open} }
sub local_port { $_[0]->{socket}->sockport() }

sub header {
	my ($self, $name) = @_;

	return $self->{head} =~ /^\Q$name\E:\s*(.*?)\r?$/mi ? $1 : undef;
}

sub pending {
	my ($self) = @_;

	return $self->{socket}->can('pending') && $self->{socket}->pending();
}

###############################################################################
# sending

sub frame {
	my ($opcode, $payload, %o) = @_;

	my $length = defined $o{length} ? $o{length} : length $payload;
	my $mask = exists $o{mask} ? $o{mask} : pack 'N', int rand 2 ** 32;
	my $bit = defined $mask ? 0x80 : 0;
	my $head = pack 'C', (exists $o{fin} && !$o{fin} ? 0 : 0x80)
		| ($o{rsv} || 0) << 4 | $opcode;

	if (($o{form} || 0) == 64 || $length > 0xffff) {
		$head .= pack 'CQ>', $bit | 127, $length;

	} elsif (($o{form} || 0) == 16 || $length > 125) {
		$head .= pack 'Cn', $bit | 126, $length;

	} else {
		$head .= pack 'C', $bit | $length;
	}

	return $head . $payload unless defined $mask;

	my $pad = $mask x (length($payload) / 4 + 1);

	return $head . $mask . ($payload ^ substr $pad, 0, length $payload);
}

# What is written by hand is not to be cut in two by a pong.

sub send_raw {
	my ($self, $bytes) = @_;

	$self->{auto_pong} = 0;

	return $self->write_all($bytes);
}

# Writes all of it; false when the peer is gone or does not read.  Pings that
# come meanwhile are answered after it.

sub write_all {
	my ($self, $bytes) = @_;

	return $self->write_bytes($bytes) if $self->{owed};

	local $self->{owed} = [];

	my $written = $self->write_bytes($bytes);

	$self->write_bytes(frame(PONG, $_)) for @{ $self->{owed} };

	return $written;
}

sub write_bytes {
	my ($self, $bytes) = @_;

	my $deadline = clock() + 20 * slower();
	my $s = $self->{socket} or return 0;
	my $offset = 0;

	while ($offset < length $bytes) {
		my $n = $s->syswrite($bytes, length($bytes) - $offset, $offset);

		if (defined $n) {
			$offset += $n;
			next;
		}

		return 0 unless $!{EAGAIN} || $!{EINTR};
		return 0 if clock() > $deadline;

		# TLS may want to read first; a plain peer may be writing
		pump_all(0.01);
		IO::Select->new($s)->can_write(0.05);
	}

	return 1;
}

sub pong {
	my ($self, $payload) = @_;

	return push @{ $self->{owed} }, $payload if $self->{owed};
	return $self->send_frame(PONG, $payload);
}

sub send_frame {
	my ($self, $opcode, $payload, %o) = @_;

	return $self->write_all(frame($opcode, $payload, %o));
}

sub send_text {
	my ($self, @texts) = @_;

	return $self->write_all(join '', map { frame(TEXT, $_) } @texts);
}

sub send_binary { $_[0]->send_frame(BINARY, $_[1]) }

sub send_close {
	my ($self, $code, $reason) = @_;

	$self->{closing} = 1;

	return $self->send_frame(CLOSE, defined $code
		? pack('n', $code) . (defined $reason ? $reason : '') : '');
}

###############################################################################
# receiving

sub pump_all {
	my ($timeout, @others) = @_;

	my $now = clock();
	my $select = IO::Select->new(@others);
	my $soon = 0;

	@clients = grep { defined } @clients;
	weaken $_ for @clients;

	for my $c (@clients) {
		next unless $c->{open};

		$c->ack($now) if $c->{auto_ack};
		next if $c->{paused};

		$soon = 1 if $c->pending();
		$select->add($c->{socket});
		$timeout = ACK_PERIOD if $c->{auto_ack} && $timeout > ACK_PERIOD;
	}

	my %ready = map { fileno($_) => 1 } $select->can_read($soon ? 0 : $timeout);

	for my $c (@clients) {
		next unless $c->{open} && !$c->{paused};
		$c->read_socket()
			if $c->pending() || $ready{ fileno $c->{socket} };
	}
}

sub read_socket {
	my ($self) = @_;

	my $size = $self->{read_size} || 262144;
	my $n = $self->{socket}->sysread($self->{buffer}, $size,
		length $self->{buffer});

	if (!defined $n) {
		return if $!{EAGAIN} || $!{EINTR}
			|| $self->{socket}->isa("IO::Socket::SSL")
				&& IO::Socket::SSL::errstr() =~ /wants a (?:read|write)/;
		$self->{reset} = "$!";
		$n = 0;
	}

	if ($n == 0) {
		$self->parse();
		$self->{open} = 0;
		$self->{eof} = 1;
		return;
	}

	$self->{received} += $n;
	$self->parse();
}

sub parse {
	my ($self) = @_;

	my $at = 0;
	my $have = length $self->{buffer};

	while ($have - $at >= 2) {
		my ($b0, $b1) = unpack "x$at CC", $self->{buffer};
		my $length = $b1 & 127;
		my $head = $length < 126 ? 2 : $length == 126 ? 4 : 10;

		last if $have - $at < $head;

		$length = unpack 'x' . ($at + 2) . ($head == 4 ? 'n' : 'Q>'),
			$self->{buffer} if $head > 2;

		push @{ $self->{errors} }, 'masked' if $b1 & 0x80;
		push @{ $self->{errors} }, 'reserved bits' if $b0 & 0x70;

		last if $have - $at < $head + $length;

		my $payload = substr $self->{buffer}, $at + $head, $length;

		$at += $head + $length;
		$self->take($b0 & 15, $b0 & 0x80, $payload);
	}

	substr $self->{buffer}, 0, $at, '';
}

sub take {
	my ($self, $opcode, $fin, $payload) = @_;

	if ($opcode >= CLOSE) {
		push @{ $self->{errors} }, 'bad control frame'
			if !$fin || length $payload > 125;

		if ($opcode == PING) {
			push @{ $self->{pings} }, { data => $payload, at => clock() };
			$self->pong($payload) if $self->{auto_pong};

		} elsif ($opcode == PONG) {
			push @{ $self->{pongs} }, $payload;

		} elsif ($opcode == CLOSE) {
			my ($code, $reason) = length $payload ? unpack 'n a*', $payload
				: (1005, '');

			$self->{close} = { code => $code, reason => $reason,
				at => clock() };
			push @{ $self->{log} }, "close $code";
			$self->send_frame(CLOSE, $payload) unless $self->{closing};
			$self->{closing} = 1;

		} else {
			push @{ $self->{errors} }, "opcode $opcode";
		}

		return;
	}

	if ($opcode != CONTINUATION) {
		push @{ $self->{errors} }, 'interleaved message'
			if defined $self->{partial};
		$self->{partial} = '';
		$self->{opcode} = $opcode;
	}

	$self->{partial} .= $payload;

	if ($fin) {
		my $message = delete $self->{partial};
		$self->message($self->{opcode}, $message);
	}
}

sub message {
	my ($self, $opcode, $data) = @_;

	push @{ $self->{errors} }, 'message after close' if $self->{close};

	if ($opcode == TEXT) {
		push @{ $self->{texts} }, $data;
		push @{ $self->{log} }, substr $data, 0, 60;
		$self->{acked} = undef if $data =~ /^PIPELINE_RESETTING/;
		return;
	}

	if (ord $data == 1) {
		push @{ $self->{sounds} }, { data => $data, at => clock() };
		return;
	}

	if (ord $data != 4 || length $data < 10) {
		push @{ $self->{binaries} }, $data;
		push @{ $self->{log} }, sprintf 'binary %02x', ord $data;
		return;
	}

	my (undef, $type, $id, $y, $w, $h) = unpack 'CCnnnn', $data;

	my $frame = { type => $type, key => $type == 1, id => $id, y => $y, w => $w,
		h => $h, at => clock(), bytes => length $data };

	$self->{nframes}++;
	$self->{acked} = $self->{last_id} = $id;
	$self->{last_at} = $frame->{at};

	if ($self->{keep}) {
		$frame->{data} = substr $data, 10;
		$self->{gop} = [] if $type == 1;
		push @{ $self->{gop} }, $frame;
	}

	push @{ $self->{frames} }, $frame;
	push @{ $self->{log} }, sprintf '%s %dx%d', $type == 1 ? 'key' : 'delta',
		$w, $h;
}

sub ack {
	my ($self, $now) = @_;

	return if defined $self->{ack_at} && $now - $self->{ack_at} < ACK_PERIOD;
	return unless defined $self->{acked} && $self->{open};
	return if $self->{closing};

	# not into the middle of a large message

	return if $self->{owed};

	$self->{ack_at} = $now;
	$self->send_text("CLIENT_FRAME_ACK $self->{acked}");
}

###############################################################################
# waiting

# Reads until the condition holds; its value, or undef after the time.

sub wait_until {
	my ($self, $condition, $timeout) = @_;

	my $deadline = clock() + (defined $timeout ? $timeout : 5) * slower();

	for ( ;; ) {
		my $value = $condition->();

		return $value if $value;

		my $left = $deadline - clock();

		return undef if $left <= 0;
		return undef if !$self->{open} && !@{ $self->{texts} }
			&& !@{ $self->{frames} };

		pump_all($left < 0.1 ? $left : 0.1);

		if (!$self->{open}) {
			return $condition->();
		}
	}
}

# The first text that matches; earlier ones are dropped.

sub wait_text {
	my ($self, $re, $timeout) = @_;

	return $self->wait_until(sub {
		while (@{ $self->{texts} }) {
			my $text = shift @{ $self->{texts} };
			return $text if $text =~ $re;
		}

		return undef;
	}, $timeout);
}

# wait_frame(key => 1, w =>, h =>, after => clock, timeout =>); earlier ones
# are dropped.

sub wait_frame {
	my ($self, %o) = @_;

	return $self->wait_until(sub {
		while (@{ $self->{frames} }) {
			my $f = shift @{ $self->{frames} };

			next if $o{key} && !$f->{key};
			next if defined $o{w} && $f->{w} != $o{w};
			next if defined $o{h} && $f->{h} != $o{h};
			next if defined $o{after} && $f->{at} <= $o{after};

			return $f;
		}

		return undef;
	}, $o{timeout});
}

sub wait_close {
	my ($self, $timeout) = @_;

	return $self->wait_until(sub { $self->{close} }, $timeout);
}

sub wait_eof {
	my ($self, $timeout) = @_;

	my $deadline = clock() + (defined $timeout ? $timeout : 5) * slower();

	while ($self->{open}) {
		my $left = $deadline - clock();
		return 0 if $left <= 0;
		pump_all($left < 0.1 ? $left : 0.1);
	}

	return 1;
}

# A packet of sound; earlier ones are kept.

sub wait_sound {
	my ($self, $timeout) = @_;

	my $n = @{ $self->{sounds} || [] };

	return $self->wait_until(sub {
		@{ $self->{sounds} || [] } > $n && $self->{sounds}[-1]
	}, $timeout);
}

# Reads for a while, whatever comes.

sub run_for {
	my ($self, $seconds) = @_;

	my $deadline = clock() + $seconds;

	while ((my $left = $deadline - clock()) > 0) {
		pump_all($left < 0.1 ? $left : 0.1);
	}
}

# A ping and its pong: all that was sent before has been processed.

sub round_trip {
	my ($self, $timeout) = @_;

	my $token = join '', map { chr 97 + int rand 26 } 1 .. 12;

	$self->send_frame(PING, $token) or return 0;

	return $self->wait_until(sub {
		return grep { $_ eq $token } @{ $self->{pongs} };
	}, $timeout) ? 1 : 0;
}

# No frame for that long: true when the stream has settled.

sub wait_quiet {
	my ($self, $seconds, $timeout) = @_;

	my $deadline = clock() + ($timeout || 10) * slower();

	while (clock() < $deadline) {
		my $n = $self->{nframes};

		$self->run_for($seconds);
		return 1 if $self->{nframes} == $n;
	}

	return 0;
}

sub pause { $_[0]->{paused} = 1; $_[0] }
sub resume { $_[0]->{paused} = 0; $_[0] }

sub forget {
	my ($self) = @_;

	$self->{texts} = [];
	$self->{frames} = [];
	$self->{sounds} = [];
	$self->{log} = [];

	return $self;
}

###############################################################################
# dialect 1

# The SETTINGS object of a stock page; what is given replaces or adds.

sub settings {
	my ($w, $h, %o) = @_;

	my %s = (framerate => 60, h264_crf => 25, encoder => '"x264enc"',
		h264_fullcolor => 'false', h264_streaming_mode => 'false',
		is_manual_resolution_mode => 'false', audio_bitrate => 320000,
		initialClientWidth => $w, initialClientHeight => $h,
		jpeg_quality => 60, paint_over_jpeg_quality => 90,
		use_cpu => 'false', h264_paintover_crf => 18,
		h264_paintover_burst_frames => 5, use_paint_over_quality => 'true',
		scaling_dpi => 96, enable_binary_clipboard => 'false',
		useCssScaling => 'false', displayId => '"primary"',
		rate_control_mode => '"crf"', video_bitrate => 8, %o);

	return 'SETTINGS,{' . join(',', map { "\"$_\":$s{$_}" } sort keys %s) . '}';
}

# A controller as a stock page connects: claims before MODE came, then asks
# for the clipboard; returns when its first key frame is here.

sub controller {
	my ($class, $t, $w, $h, %o) = @_;

	my $self = $class->new($t, %o);

	die "no upgrade: $self->{status}\n$self->{head}\n"
		unless $self->{status} == 101;

	$self->send_text(settings($w, $h, %{ $o{settings} || {} }), 'cr');
	$self->{auto_ack} = 1 unless defined $o{ack} && !$o{ack};

	return $self if $o{nowait};

	$self->wait_text(qr/^MODE websockets$/, $o{wait} || 10)
		or die "no MODE: @{ $self->{log} }\n";
	$self->wait_frame(key => 1, timeout => $o{wait} || 10,
		w => $w < 2 ? 2 : $w & ~1, h => $h < 2 ? 2 : $h & ~1)
		or die "no key frame: " . join(' | ', @{ $self->{log} }) . "\n";

	return $self;
}

# A viewer as #shared connects; returns when it has a picture.

sub viewer {
	my ($class, $t, %o) = @_;

	my $self = $class->new($t, %o);

	die "no upgrade: $self->{status}\n" unless $self->{status} == 101;

	$self->send_text('cr');
	$self->wait_text(qr/^MODE websockets$/, 10) or die "no MODE\n";
	$self->send_text('kr', 'STOP_VIDEO');
	$self->send_text('START_VIDEO');

	return $self if $o{nowait};

	$self->wait_frame(key => 1, timeout => 10)
		or die "no key frame: " . join(' | ', @{ $self->{log} }) . "\n";

	return $self;
}

###############################################################################
# closing

# As a browser does it: close frame, the answer, end.

sub close {
	my ($self, $code) = @_;

	if ($self->{open}) {
		$self->send_close($code || 1001) unless $self->{closing};
		$self->{paused} = 0;
		$self->{auto_ack} = 0;
		$self->wait_eof(3);
	}

	$self->drop();
}

# Just gone: the kernel sends FIN, or RST where bytes were unread.

sub drop {
	my ($self, %o) = @_;

	if (my $s = delete $self->{socket}) {
		setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $o{reset};
		$s->isa('IO::Socket::SSL') ? $s->close(SSL_no_shutdown => 1)
			: CORE::close $s;
	}

	$self->{open} = 0;
}

sub close_all {
	$_->drop() for grep { defined && $_->{socket} } @clients;
	@clients = ();
}

sub DESTROY { $_[0]->drop() }

1;
